import{a as t}from"./index-BXlWhDTJ.js";import{P as i}from"./page-DH83ZbmL.js";function a(){return t(i,{title:"Activity",children:null})}export{a as default};
