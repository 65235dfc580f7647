import{a}from"./index-BXlWhDTJ.js";import{P as r}from"./page-DH83ZbmL.js";function i(){return a(r,{title:"Shaping",children:null})}export{i as default};
