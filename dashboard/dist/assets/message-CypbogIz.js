import{a as e}from"./index-BXlWhDTJ.js";import{P as a}from"./page-DH83ZbmL.js";function o(){return e(a,{title:"Message",children:null})}export{o as default};
